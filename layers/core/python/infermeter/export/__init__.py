"""Sealed usage to those who bill by it: OpenMeter, Stripe, AWS Marketplace, files in S3."""
