"""Old and new Keras files, taken apart from known parts: nothing in them runs."""
