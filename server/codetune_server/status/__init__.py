"""What a person is told of who answers: ready, loading, waking, over budget, offline, or nobody."""
