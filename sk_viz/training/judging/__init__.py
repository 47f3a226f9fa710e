"""Judge a trained network on pictures that no training saw."""
