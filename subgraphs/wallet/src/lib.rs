//! Wallets: money in and out, what it is set aside for, and every movement of it.
