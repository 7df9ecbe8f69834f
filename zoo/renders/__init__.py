"""Scenes made from code, rendered with few and with many samples: what denoising of renders learns from."""
