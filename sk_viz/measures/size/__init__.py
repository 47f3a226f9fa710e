"""What of a zoom is size: the controls, the noise of one picture, and what is settled."""
