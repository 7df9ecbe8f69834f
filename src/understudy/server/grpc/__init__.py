"""The gRPC endpoint: KServe v2 (Open Inference Protocol) in protobuf messages."""
