"""The pictures of a benchmark, each the size of a slide, with what it shows in words."""
