"""What scheduling asks of the world: few and deep protocols, each method one business step."""
