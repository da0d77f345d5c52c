"""A search as a web page: figures by plotly, and tables."""
