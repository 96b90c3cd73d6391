"""Tools that Moonshot runs (the Formula API): declared, called and answered within an exchange."""
