"""How identifying a dataset is: disclosure risk, measured and explained."""
