"""The HTTP endpoint: KServe v2 (Open Inference Protocol), the list of models, metrics."""
