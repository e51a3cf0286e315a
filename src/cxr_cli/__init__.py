"""Train, test and explain COVID-19 classifiers for chest X-rays. For research and teaching, never a diagnosis."""
