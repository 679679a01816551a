//! The exchange: stocks with a price and a number of shares, and trades with numbers.
