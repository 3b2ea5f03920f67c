"""From the syntax tree of a query to Python source."""
