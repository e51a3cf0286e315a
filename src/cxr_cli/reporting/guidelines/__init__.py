"""The items of reporting guidelines, and which results of a report answer them."""
