"""Learning an effect: from pairs to a run."""

import os

if any(os.environ.get(name) for name in ("COPYCAT_WORLD_SIZE", "WORLD_SIZE")):
    # Before torch is imported, which reads it then: its warnings on sockets tell an artist nothing, and what
    # goes wrong with a connection is said in words.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
