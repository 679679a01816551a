//! The settings of the votes subgraph.

contract::settings! {
    /// The effects of votes beside being counted.
    Settings with flags SettingsFlags under "Votes" {
        /// Whether each vote on a post changes the karma of the post's author by one.
        karma_follows_votes: bool = true,
    }
}
