"""How nodes talk: typed messages over ZeroMQ, with keys where others could listen."""
