"""What records say: figures with intervals, and how two runs compare."""
