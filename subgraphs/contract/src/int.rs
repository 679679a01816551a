//! Counters and GraphQL's `Int`.

/// Clamps a counter to the 32 bits of GraphQL's `Int` (specification, 3.5.1), for fields that say "counted up to".
///
/// Use it only to display counters: limits and payments are guarded by the statement that writes them.
pub fn clamp_to_int(count: i64) -> i64 {
    count.clamp(i32::MIN.into(), i32::MAX.into())
}

#[cfg(test)]
mod tests {
    use super::clamp_to_int;

    #[test]
    fn a_counter_stops_at_the_bounds_of_int() {
        for (count, shown) in [
            (0, 0),
            (-7, -7),
            (2_147_483_647, 2_147_483_647),
            (2_147_483_648, 2_147_483_647),
            (i64::MAX, 2_147_483_647),
            (i64::MIN, -2_147_483_648),
        ] {
            assert_eq!(clamp_to_int(count), shown);
        }
    }
}
