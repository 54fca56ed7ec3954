"""Training what names pictures from their symbols."""
