"""What several pages share: the shell, the sidebar's controls, the scene."""
