//! Fee terms: the fee that an investor agreed to for each part of an authorization.
//!
//! Lent money keeps the fee that was agreed to for it, even when the investor lends more under a higher fee. A
//! trade uses the part with the lowest fee first, and its proceeds keep the terms of the part that paid for them.

use serde::{Deserialize, Serialize};

/// A hundred percent, in basis points.
const HUNDRED_PERCENT: i128 = 10_000;

/// A part of what is lent, under one fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeePart {
    /// The highest fee that the broker may take from a trade with this part, in hundredths of a percent.
    pub fee_basis_points: i64,
    /// Minor units or shares.
    pub amount: i64,
}

/// The parts of what is lent: the lowest fee first, each fee once, no part empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeTerms(Vec<FeePart>);

/// The cost of a broker's trade for the investor, and the terms of its proceeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The broker's fee, in minor units, rounded half up once.
    pub fee_minor: i64,
    /// Bought shares, or proceeds less the fee in minor units.
    pub proceeds: FeeTerms,
}

impl FeeTerms {
    /// The whole amount under one fee.
    pub fn flat(fee_basis_points: i64, amount: i64) -> Self {
        let mut terms = Self::default();
        terms.add(FeePart {
            fee_basis_points,
            amount,
        });
        terms
    }

    /// The parts, the lowest fee first.
    pub fn parts(&self) -> &[FeePart] {
        &self.0
    }

    /// The amounts of all parts together.
    pub fn total(&self) -> i64 {
        self.0.iter().map(|part| part.amount).sum()
    }

    /// Adds a part; an empty one adds nothing.
    pub fn add(&mut self, part: FeePart) {
        if part.amount == 0 {
            return;
        }
        match self
            .0
            .binary_search_by_key(&part.fee_basis_points, |known| known.fee_basis_points)
        {
            Ok(place) => self.0[place].amount += part.amount,
            Err(place) => self.0.insert(place, part),
        }
    }

    /// The same amounts, with every fee capped at the given one.
    pub fn capped(&self, fee_basis_points: i64) -> Self {
        let mut capped = Self::default();
        for part in &self.0 {
            capped.add(FeePart {
                fee_basis_points: part.fee_basis_points.min(fee_basis_points),
                ..*part
            });
        }
        capped
    }

    /// Returns the terms that are left after that amount is used, the lowest fee first; empty when the amount
    /// exceeds the total.
    pub fn remaining_after(&self, amount: i64) -> Self {
        let mut used = amount;
        let mut left = Self::default();
        for part in &self.0 {
            let taken = used.min(part.amount);
            used -= taken;
            left.add(FeePart {
                amount: part.amount - taken,
                ..*part
            });
        }
        left
    }

    /// Returns the charge for a purchase of shares under these terms, by a broker whose current fee is
    /// `current_fee`.
    ///
    /// A part pays for as much as it covers together with its fee. The last part pays the rest without a check: the
    /// guard of the statement that spends it decides.
    pub fn purchase_charge(&self, quantity: i64, price_minor: i64, cost: i64, current_fee: i64) -> Charge {
        let mut fees = FeeSum::default();
        let mut proceeds = Self::default();
        let (mut unpaid, mut bought) = (cost, 0);
        for (place, part) in self.0.iter().enumerate() {
            let fee = part.fee_basis_points.min(current_fee);
            let pays = if place + 1 == self.0.len() {
                unpaid
            } else {
                unpaid.min(without_fee(part.amount, fee))
            };
            unpaid -= pays;
            fees.add(pays, fee);
            // A share that two parts pay for together gets the lower fee.
            let paid_for = ((cost - unpaid) + (price_minor - 1)) / price_minor;
            let shares = paid_for.min(quantity) - bought;
            bought += shares;
            proceeds.add(FeePart {
                amount: shares,
                ..*part
            });
        }
        Charge {
            fee_minor: fees.rounded(),
            proceeds,
        }
    }

    /// Returns the charge for a sale of shares under these terms.
    pub fn sale_charge(&self, quantity: i64, price_minor: i64, current_fee: i64) -> Charge {
        let mut fees = FeeSum::default();
        let mut proceeds = Self::default();
        let mut unsold = quantity;
        for part in &self.0 {
            let sold = unsold.min(part.amount);
            unsold -= sold;
            let gross = sold * price_minor;
            let before = fees.rounded();
            fees.add(gross, part.fee_basis_points.min(current_fee));
            proceeds.add(FeePart {
                amount: gross - (fees.rounded() - before),
                ..*part
            });
        }
        Charge {
            fee_minor: fees.rounded(),
            proceeds,
        }
    }
}

/// The largest cost that an amount can pay for when the fee comes on top.
fn without_fee(amount: i64, fee_basis_points: i64) -> i64 {
    let cost = i128::from(amount) * HUNDRED_PERCENT / (HUNDRED_PERCENT + i128::from(fee_basis_points));
    i64::try_from(cost).unwrap_or(amount)
}

/// Fees, added up before they are rounded.
#[derive(Default)]
struct FeeSum {
    exact: i128,
}

impl FeeSum {
    fn add(&mut self, cost: i64, basis_points: i64) {
        self.exact += i128::from(cost) * i128::from(basis_points);
    }

    /// Rounds half up to the minor unit. A fee is at most a hundred percent of an amount that fits an integer.
    fn rounded(&self) -> i64 {
        i64::try_from((self.exact + HUNDRED_PERCENT / 2) / HUNDRED_PERCENT).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(parts: &[(i64, i64)]) -> FeeTerms {
        let mut terms = FeeTerms::default();
        for &(fee_basis_points, amount) in parts {
            terms.add(FeePart {
                fee_basis_points,
                amount,
            });
        }
        terms
    }

    fn fee(cost: i64, basis_points: i64) -> i64 {
        FeeTerms::flat(basis_points, cost)
            .purchase_charge(1, cost, cost, 10_000)
            .fee_minor
    }

    #[test]
    fn a_fee_is_rounded_half_up_to_the_cent() {
        // 1 % of 0.49, 0.50 and 1.49.
        assert_eq!([fee(49, 100), fee(50, 100), fee(149, 100)], [0, 1, 1]);
        assert_eq!([fee(150, 100), fee(1_999, 125), fee(1_000, 10_000)], [2, 25, 1_000]);
        assert_eq!(fee(1_000_000_000_000_000, 10_000), 1_000_000_000_000_000);
    }

    #[test]
    fn equal_fees_merge_and_the_lowest_fee_is_spent_first() {
        let lent = terms(&[(10_000, 100), (200, 500_000), (200, 1), (300, 0)]);
        assert_eq!(lent, terms(&[(200, 500_001), (10_000, 100)]));
        assert_eq!(lent.total(), 500_101);
        assert_eq!(lent.remaining_after(500_000), terms(&[(200, 1), (10_000, 100)]));
        assert_eq!(lent.remaining_after(500_051), terms(&[(10_000, 50)]));
        assert_eq!(lent.remaining_after(500_102), FeeTerms::default());
        assert_eq!(lent.capped(150), terms(&[(150, 500_101)]));
        assert_eq!(lent.capped(300), terms(&[(200, 500_001), (300, 100)]));
    }

    #[test]
    fn a_purchase_charges_each_part_its_fee_and_its_shares_keep_it() {
        // 51.00 at 2 % pay for 50.00; the other 10.00 are bought at 100 %.
        let lent = terms(&[(200, 5_100), (10_000, 2_500)]);
        let charge = lent.purchase_charge(6, 1_000, 6_000, 10_000);
        assert_eq!(charge.fee_minor, 100 + 1_000);
        assert_eq!(charge.proceeds, terms(&[(200, 5), (10_000, 1)]));
        // The broker's current fee is the maximum for every part.
        assert_eq!(lent.purchase_charge(6, 1_000, 6_000, 100).fee_minor, 60);
        // A share that both parts pay for has the lower fee.
        let charge = terms(&[(0, 1_500), (10_000, 9_000)]).purchase_charge(3, 1_000, 3_000, 10_000);
        assert_eq!(
            (charge.fee_minor, charge.proceeds),
            (1_500, terms(&[(0, 2), (10_000, 1)]))
        );
    }

    #[test]
    fn a_sale_deducts_the_fee_of_each_part_from_its_proceeds() {
        let lent = terms(&[(100, 3), (5_000, 4)]);
        let charge = lent.sale_charge(5, 1_000, 10_000);
        assert_eq!(charge.fee_minor, 30 + 1_000);
        assert_eq!(charge.proceeds, terms(&[(100, 2_970), (5_000, 1_000)]));
        assert_eq!(
            terms(&[(10_000, 2)]).sale_charge(2, 999, 10_000).proceeds,
            FeeTerms::default()
        );
    }

    #[test]
    fn the_split_by_fees_conserves_cents_and_shares() {
        for price in [1, 3, 7, 999, 1_000, 1_999] {
            for quantity in [1, 2, 5, 13] {
                for (low, high) in [(0, 10_000), (100, 250), (333, 6_667)] {
                    let cost = price * quantity;
                    for cheap in [0, 1, cost / 3, cost / 2, cost, cost * 3] {
                        let lent = terms(&[(low, cheap), (high, cost * 3)]);
                        let bought = lent.purchase_charge(quantity, price, cost, 10_000);
                        assert_eq!(bought.proceeds.total(), quantity);
                        assert!(bought.fee_minor <= cost);
                        assert!(
                            lent.remaining_after(cost + bought.fee_minor).total()
                                == lent.total() - cost - bought.fee_minor
                        );
                        let shares = terms(&[(low, cheap.min(quantity)), (high, quantity - cheap.min(quantity))]);
                        let sold = shares.sale_charge(quantity, price, 10_000);
                        assert_eq!(sold.proceeds.total(), cost - sold.fee_minor);
                    }
                }
            }
        }
    }
}
