"""A search as a PNG or an SVG, drawn by matplotlib."""
