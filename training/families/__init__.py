"""What trains, exports and judges each kind of model."""
