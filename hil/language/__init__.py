"""Language beside pictures: captions, where they come from, and how they travel in a burst's protected bits."""
