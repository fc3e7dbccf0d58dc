"""What an operator does beside the running server: back up, restore, look after it. Rules are the domain's; a class in
session is told by the database alone, as by any other process."""
