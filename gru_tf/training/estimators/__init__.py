"""One network each, in scikit-learn's way: a classifier and a regressor of sequences, a forecaster of a series."""
