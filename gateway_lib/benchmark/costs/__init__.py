"""What calls cost: as told, as booked, and projected to a month."""
