"""Training data: which pictures are drawn and how they are augmented."""
