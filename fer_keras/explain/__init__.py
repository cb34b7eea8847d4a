"""What a network looks at: attribution methods behind one interface, and what its layers are after."""
