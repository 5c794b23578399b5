"""The ground floor: what every app may use and what knows none of them."""
