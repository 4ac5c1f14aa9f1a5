"""Reading datasets: rows, search, export."""
