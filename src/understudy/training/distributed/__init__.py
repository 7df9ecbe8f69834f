"""Several processes that train one network: rendezvous, gradient sums, liveness."""
