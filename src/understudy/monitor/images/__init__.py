"""Contact sheets, previews and footage as PNG for a screen."""
