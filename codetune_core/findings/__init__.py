"""What happens to findings between the detectors and a person: pure functions."""
