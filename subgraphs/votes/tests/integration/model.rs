//! Vote counts and karma follow each person's last vote. The test runs random operations beside a small model.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use contract::Viewer;
use entities::vote::Direction;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use votes::Settings;

use testing::Answer;

use crate::support::{
    BY_SCORE, CLEAR, DOWNVOTE, TOP_POSTS, TOP_VOTED, UPVOTE, VotesDomain, ids_and_scores, member, service, votes,
};

const PEOPLE: i64 = 4;
/// The ids that are voted on: of existing, deleted and future posts, and of none.
const IDS: i64 = 6;

#[derive(Clone, Debug)]
enum VoteStep {
    Vote(i64, i64, Direction),
    Clear(i64, i64),
    Count(i64, Direction),
    /// Creates the next post, by that person or without an author.
    Post(Option<i64>),
    Delete(i64),
    Leave(i64),
    KarmaFollows(bool),
}

fn step() -> impl Strategy<Value = VoteStep> {
    let person = || 1..=PEOPLE;
    let id = || 1..=IDS;
    let direction = || prop_oneof![Just(Direction::Up), Just(Direction::Down)];
    prop_oneof![
        12 => (person(), id(), direction()).prop_map(|(person, id, direction)| VoteStep::Vote(person, id, direction)),
        5 => (person(), id()).prop_map(|(person, id)| VoteStep::Clear(person, id)),
        4 => (id(), direction()).prop_map(|(id, direction)| VoteStep::Count(id, direction)),
        4 => proptest::option::weighted(0.8, person()).prop_map(VoteStep::Post),
        1 => id().prop_map(VoteStep::Delete),
        1 => person().prop_map(VoteStep::Leave),
        2 => any::<bool>().prop_map(VoteStep::KarmaFollows),
    ]
}

/// The expected state.
struct VoteModel {
    /// Each person's last vote and the author it credits, by post id and person.
    last_votes: BTreeMap<(i64, i64), (Direction, Option<i64>)>,
    /// The votes of programs, by post id.
    counted: BTreeMap<i64, Vec<Direction>>,
    /// The authors of the existing posts.
    posts: BTreeMap<i64, Option<i64>>,
    posted: i64,
    karma: BTreeMap<i64, i64>,
    inactive: BTreeSet<i64>,
    karma_follows: bool,
}

impl VoteModel {
    fn new() -> Self {
        Self {
            last_votes: BTreeMap::new(),
            counted: BTreeMap::new(),
            posts: BTreeMap::new(),
            posted: 0,
            karma: (1..=PEOPLE).map(|person| (person, 0)).collect(),
            inactive: BTreeSet::new(),
            karma_follows: true,
        }
    }

    fn add_karma(&mut self, person: Option<i64>, points: i64) -> Option<i64> {
        let person = person.filter(|person| !self.inactive.contains(person))?;
        *self.karma.entry(person).or_default() += points;
        Some(person)
    }

    /// Credits a vote and returns the credited author. An author's vote on their own post credits no person.
    fn credit(&mut self, id: i64, direction: Direction, voter: Option<i64>) -> Option<i64> {
        let author = self.posts.get(&id).copied().flatten();
        let author = author.filter(|author| self.karma_follows && Some(*author) != voter);
        self.add_karma(author, direction.points())
    }

    fn forget(&mut self, id: i64) {
        self.last_votes.retain(|(of, _), _| *of != id);
        self.counted.remove(&id);
    }

    /// Applies the step to the model and returns the code that the server must answer to a step of this domain.
    fn apply(&mut self, step: &VoteStep) -> &'static str {
        match *step {
            VoteStep::Vote(person, ..) if self.inactive.contains(&person) => return "UNAUTHENTICATED",
            VoteStep::Vote(person, id, direction) => match self.last_votes.get(&(id, person)).copied() {
                Some((last_vote, _)) if last_vote == direction => {}
                before => {
                    if let Some((last_vote, credited)) = before {
                        self.add_karma(credited, -last_vote.points());
                    }
                    let credited = self.credit(id, direction, Some(person));
                    self.last_votes.insert((id, person), (direction, credited));
                }
            },
            VoteStep::Clear(person, id) => {
                if let Some((last_vote, credited)) = self.last_votes.remove(&(id, person)) {
                    self.add_karma(credited, -last_vote.points());
                }
            }
            VoteStep::Count(id, direction) => {
                self.credit(id, direction, None);
                self.counted.entry(id).or_default().push(direction);
            }
            VoteStep::Post(author) => {
                self.posted += 1;
                self.forget(self.posted);
                self.posts.insert(self.posted, author);
            }
            VoteStep::Delete(id) => {
                if self.posts.remove(&id).is_some() {
                    self.forget(id);
                }
            }
            VoteStep::Leave(person) => {
                self.inactive.insert(person);
            }
            VoteStep::KarmaFollows(follows) => self.karma_follows = follows,
        }
        "OK"
    }

    /// Returns the votes for and against an id.
    fn votes(&self, id: i64) -> (i64, i64) {
        let last_vote = self.last_votes.iter().filter(|((of, _), _)| *of == id);
        let last_vote = last_vote.map(|(_, (direction, _))| *direction);
        let counted = self.counted.get(&id).into_iter().flatten().copied();
        let all: Vec<Direction> = last_vote.chain(counted).collect();
        let up = all.iter().filter(|direction| **direction == Direction::Up).count() as i64;
        (up, all.len() as i64 - up)
    }

    /// Returns the ids with their scores, highest score first.
    fn ranked(&self, ids: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
        let score = |id| {
            let (up, down) = self.votes(id);
            (id, up - down)
        };
        let mut ranked: Vec<_> = ids.map(score).collect();
        ranked.sort_by_key(|(id, score)| Reverse((*score, *id)));
        ranked
    }
}

/// Executes the step and returns the answer to a step of this domain.
async fn execute(domain: &mut VotesDomain, step: &VoteStep) -> Option<Answer> {
    let word = |direction| match direction {
        Direction::Up => UPVOTE,
        Direction::Down => DOWNVOTE,
    };
    let (viewer, how, id) = match *step {
        VoteStep::Vote(person, id, direction) => (member(person), word(direction), id),
        VoteStep::Clear(person, id) => (member(person), CLEAR, id),
        VoteStep::Count(id, direction) => (service(), word(direction), id),
        VoteStep::Post(author) => {
            domain.post(author).await;
            return None;
        }
        VoteStep::Delete(id) => {
            domain.delete(id).await;
            return None;
        }
        VoteStep::Leave(person) => {
            domain.deactivate(person).await;
            return None;
        }
        VoteStep::KarmaFollows(karma_follows_votes) => {
            domain.set(Settings { karma_follows_votes });
            return None;
        }
    };
    Some(domain.client(&viewer).query(how, json!({ "post": id })).await)
}

async fn assert_as_modelled(domain: &VotesDomain, model: &VoteModel, step: &VoteStep) {
    let ids: Vec<i64> = (1..=IDS).collect();
    let found = domain.entities(&Viewer::Anonymous, &ids).await;
    let wanted = ids.iter().map(|id| {
        let (up, down) = model.votes(*id);
        let mut post = votes(*id, up, down);
        post["myVote"] = Value::Null;
        post
    });
    assert_eq!(found.at("_entities"), &wanted.collect::<Value>(), "{step:?}");

    let has_votes = |id: &i64| model.votes(*id) != (0, 0);
    assert_eq!(
        domain.list(TOP_POSTS, json!({ "first": 100 })).await,
        model.ranked(model.posts.keys().copied()),
        "{step:?}"
    );
    assert_eq!(
        domain.list(TOP_VOTED, json!({})).await,
        model.ranked((1..=IDS).filter(has_votes)),
        "{step:?}"
    );
    let sorted = domain.service().query(BY_SCORE, json!({ "ids": ids })).await;
    assert_eq!(ids_and_scores(sorted.at("list")), model.ranked(1..=IDS), "{step:?}");

    for person in 1..=PEOPLE {
        let last_vote = |id: &i64| {
            let last_vote = model.last_votes.get(&(*id, person));
            json!(last_vote.map(|(direction, _)| direction.as_str()))
        };
        let found = domain.entities(&member(person), &ids).await;
        let found: Value = found.all("_entities.*.myVote").into_iter().cloned().collect();
        assert_eq!(
            found,
            ids.iter().map(last_vote).collect::<Value>(),
            "{person}: {step:?}"
        );
        assert_eq!(domain.karma(person).await, model.karma[&person], "{person}: {step:?}");
    }
}

async fn run(steps: Vec<VoteStep>) {
    let mut domain = VotesDomain::with_people(PEOPLE as usize).await;
    let mut model = VoteModel::new();
    for step in steps {
        let answer = execute(&mut domain, &step).await;
        let code = answer.as_ref().map_or("OK", Answer::code);
        assert_eq!(code, model.apply(&step), "{step:?}: {answer:?}");
        assert_as_modelled(&domain, &model, &step).await;
    }
}

#[test]
fn counts_and_karma_match_the_last_votes() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = proptest::collection::vec(step(), 20..80);
    runner
        .run(&steps, |steps| {
            runtime.block_on(run(steps));
            Ok(())
        })
        .unwrap();
}
