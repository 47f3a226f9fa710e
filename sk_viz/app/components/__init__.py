"""Components of our own for the page: HTML, CSS and JavaScript with state."""
