"""The local stack: the deployed template, run on this machine without docker or an AWS account."""
