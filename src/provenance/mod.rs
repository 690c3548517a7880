//! What registry and publisher have signed: registry signatures and npm's provenance.
