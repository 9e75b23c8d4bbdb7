"""The generator of benches and tests."""
