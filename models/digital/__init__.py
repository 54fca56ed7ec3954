"""Digital transmission to compare with: image compression, then a link of so many bits per channel use."""
