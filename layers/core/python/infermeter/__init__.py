"""infermeter's core: one data plane, shared by every function, the command line and the trainer."""

__version__ = "0.1.0"
