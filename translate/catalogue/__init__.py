"""Public datasets: a card and a recipe for each, and how they are downloaded, unpacked and laid out."""
