"""The choice of how users share a payload, predicted from what a codec gives at a number of symbols and an SINR."""
