"""The palette of all figures."""

# One scale whose lightness grows with the value and greys for the rest: readable without colour vision.
SCALE = "viridis"
LINE = "#1f2933"  # the front's staircase and the rims of its points
PLAIN = "#52606d"  # small text, and completed trials without a value to colour them by
FAINT = "#9aa5b1"  # trials without final values
GRID = "#e4e7eb"
KNEE = "#c2410c"
# Okabe and Ito's colours, told apart by colour-blind people: one for each objective, or each search.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
# Beside the colours, for who prints in grey: plotly's markers of searches and patterns of bars.
SYMBOLS = ("circle", "square", "triangle-up", "pentagon", "star", "hexagon", "bowtie")
PATTERNS = ("", "/", "x", ".", "-", "+", "|")
