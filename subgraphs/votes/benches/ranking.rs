//! Measures the cost of a vote and of a page of a ranking with 10 thousand, 100 thousand and a million posts and ten
//! times as many votes. Neither may read all of them. `cargo bench -p votes --bench ranking`; the arguments are those of
//! [`Bench`], and the filter selects lines.
//!
//! The bench compares the first page with plain SQL, and at the end all counts with the votes.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use async_graphql::Request;
use contract::{Db, DbOptions, DomainSchema, InProcessBus, Viewer};
use entities::post;
use entities::vote::Direction;
use entities::voting;
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use testing::bench::{Bench, median, processor_ns};
use testing::{NEW_YEAR_US, TestServices, member};

const POSTS: &[i64] = &[10_000, 100_000, 1_000_000];
/// Votes per transaction, and the number of such transactions: they measure a vote's cost without its wait for the
/// disk.
const TOGETHER: usize = 500;
const TRANSACTIONS: u32 = 20;
/// Concurrent voters through the graph, and the votes of each.
const VOTERS: usize = 64;
const VOTES_EACH: usize = 100;
/// The rounds for each list, and the pages that are read in a round.
const PAGE_ROUNDS: u32 = 30;
const PAGES: u32 = 10;
/// The number of posts that are deleted.
const DELETIONS: i64 = 5;

/// Inserts people, a tenth as many as posts. All of them vote on ten posts, and nine of them vote on each other post.
/// About seven of ten votes are upvotes; the share varies from post to post.
const FILL: &str = "
    INSERT INTO account (id, username, username_key, role, admin, joined_at_us)
    SELECT value, 'person ' || value, 'person ' || value, 'MEMBER', 0, NOW FROM generated(POSTS / 10);
    INSERT INTO community (id, name, name_key)
    SELECT value, 'Community ' || value, 'community ' || value FROM generated(100);
    INSERT INTO post (id, title, community, community_key, username, author_id, at_us, text)
    SELECT value, 'Title ' || value, 'Community ' || (value % 100 + 1), 'community ' || (value % 100 + 1),
        'person ' || (value % (POSTS / 10) + 1), value % (POSTS / 10) + 1, NOW + value,
        'A text of a sentence or two, which no ranking of posts reads or has to read.'
    FROM generated(POSTS);
    INSERT INTO vote (post_id, user_id, direction, at_us, credited_id)
    SELECT post.id, (post.id * 7919 + vote.value * 104729) % (POSTS / 10) + 1,
        CASE WHEN (vote.value * 7 + post.id) % 10 < post.id % 7 + 4 THEN 'UP' ELSE 'DOWN' END, NOW, post.author_id
    FROM post JOIN generated(POSTS / 10) vote ON vote.value <= CASE post.id % (POSTS / 10) WHEN 0 THEN POSTS / 10 ELSE 9 END
    ORDER BY post.id;
    INSERT INTO post_votes (post_id, upvotes, downvotes, score, community_key, version, changed_at_us)
    SELECT post_id, up, down, up - down, community_key, 1 + up + down, NOW
    FROM (SELECT post_id, sum(direction = 'UP') AS up, sum(direction = 'DOWN') AS down FROM vote GROUP BY post_id)
        JOIN post ON post.id = post_id ORDER BY post_id;";

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut columns = Vec::new();
    for posts in bench.size(POSTS, &[1_000]) {
        let folder = tempfile::tempdir_in(bench.folder()).unwrap();
        runtime.block_on(fill(folder.path(), *posts));
        columns.push(runtime.block_on(measure(&bench, folder, *posts)));
    }
    for line in 0..columns[0].len() {
        let figures: Vec<&str> = columns.iter().map(|column| column[line].1.as_str()).collect();
        println!("| {} | {} |", columns[0][line].0, figures.join(" | "));
    }
}

/// Fills a database with that many posts by plain SQL, without crash safety.
async fn fill(folder: &Path, posts: i64) {
    let path = folder.join("agora.db");
    let db = Db::open(DbOptions::new(&path), Arc::new(InProcessBus::new(1)))
        .await
        .unwrap();
    let tables = async |connection: &_| Migrator::up(connection, None).await;
    db.migrate(tables).await.unwrap();
    db.close().await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let fast = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;
                CREATE TEMP TABLE generated_to (value INTEGER PRIMARY KEY);";
    connection.execute_batch(fast).unwrap();
    let numbers = "INSERT INTO generated_to WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n
                   WHERE value < ?1) SELECT value FROM n";
    connection.execute(numbers, [posts]).unwrap();
    let mut sql = FILL
        .replace("NOW", &NEW_YEAR_US.to_string())
        .replace("POSTS", &posts.to_string());
    for (until, bound) in [
        (format!("generated({posts} / 10)"), posts / 10),
        ("generated(100)".to_owned(), 100),
        (format!("generated({posts})"), posts),
    ] {
        sql = sql.replace(
            &until,
            &format!("(SELECT value FROM generated_to WHERE value <= {bound})"),
        );
    }
    connection.execute_batch(&sql).unwrap();
}

/// The lines of one column, each a label and a figure.
struct Column<'a> {
    bench: &'a Bench,
    lines: Vec<(&'static str, String)>,
}

impl Column<'_> {
    /// Adds a line and measures its figure, if the filter selects it.
    async fn add(&mut self, label: &'static str, figure: impl Future<Output = String>) {
        if self.bench.selects(label) {
            self.lines.push((label, figure.await));
        }
    }
}

async fn measure(bench: &Bench, folder: tempfile::TempDir, posts: i64) -> Vec<(&'static str, String)> {
    let megabytes = std::fs::metadata(folder.path().join("agora.db")).unwrap().len() >> 20;
    let on = TestServices::in_folder(folder, NEW_YEAR_US).await;
    let schema = votes::schema(on.services.clone());
    let db = &on.services.db;
    let known = number(db, "SELECT count(*) FROM post_votes WHERE community_key IS NOT NULL").await;
    let votes = number(db, "SELECT count(*) FROM vote").await;
    let (score, ties) = most_common_score(db).await;
    assert_first_page(&schema, db).await;
    let lines = vec![
        ("posts", known.to_string()),
        ("votes of people", votes.to_string()),
        ("file, MB", megabytes.to_string()),
        ("posts with the most common score", ties.to_string()),
    ];
    let mut column = Column { bench, lines };
    let label = "a vote among 500 in a transaction, processor µs";
    column.add(label, together(bench, db, posts)).await;
    // These votes differ from those of `together`.
    let turn = Arc::new(AtomicU64::new(1 << 32));
    let alone = votes_alone(bench, &schema, &turn, posts);
    column.add("a vote through the graph, alone, ms", alone).await;
    let at_once = votes_at_once(bench, &schema, &turn, posts);
    let label = "votes through the graph by 64 at once, a second";
    column.add(label, at_once).await;
    add_pages(&mut column, &schema, score, posts).await;
    assert_counts(on.folder.path());
    let label = "deleting a post with a vote of every user, processor ms";
    column.add(label, deletion(bench, db, posts)).await;
    let lines = column.lines;
    db.close().await.unwrap();
    lines
}

/// Adds a line for a page of each list, some of them in the middle of the posts with that score.
async fn add_pages(column: &mut Column<'_>, schema: &DomainSchema, score: i64, posts: i64) {
    let behind = format!(
        r#"after: "{:x}-{:x}""#,
        score.cast_unsigned(),
        (posts / 2).cast_unsigned()
    );
    for (label, list) in [
        ("the first page of topPosts, µs", "topPosts".to_owned()),
        (
            "a page of it in the middle of that score, µs",
            format!("topPosts({behind})"),
        ),
        ("the last page of it, µs", "topPosts(last: 25)".to_owned()),
        (
            "the first page of a community, µs",
            r#"topPosts(community: "Community 7")"#.to_owned(),
        ),
        (
            "a page of it in the middle of that score, µs",
            format!(r#"topPosts(community: "Community 7", {behind})"#),
        ),
        ("the first page of topVoted, µs", "topVoted".to_owned()),
    ] {
        column.add(label, page(column.bench, schema, &list)).await;
    }
}

/// Compares the scores of the first page with those of plain SQL.
async fn assert_first_page(schema: &DomainSchema, db: &Db) {
    let request = Request::new("{ topPosts { nodes { score } } }").data(Viewer::Anonymous);
    let answer = schema.execute(request).await.data.into_json().unwrap();
    let nodes = answer["topPosts"]["nodes"].as_array().unwrap();
    let scores: Vec<_> = nodes.iter().map(|node| node["score"].as_i64().unwrap()).collect();
    let best = "SELECT score FROM post_votes WHERE community_key IS NOT NULL ORDER BY score DESC LIMIT 25";
    let best = Statement::from_string(DbBackend::Sqlite, best);
    let best = db.read().query_all_raw(best).await.unwrap();
    let best: Vec<i64> = best.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(scores, best);
}

/// Compares the counts of all posts with their votes, on a connection without a limit of time.
fn assert_counts(folder: &Path) {
    let different = "SELECT count(*) FROM post_votes
        LEFT JOIN (SELECT post_id, sum(direction = 'UP') AS up, sum(direction = 'DOWN') AS down FROM vote GROUP BY post_id)
            USING (post_id)
        WHERE upvotes <> coalesce(up, 0) OR downvotes <> coalesce(down, 0) OR score <> upvotes - downvotes";
    let connection = rusqlite::Connection::open(folder.join("agora.db")).unwrap();
    let different: i64 = connection.query_row(different, [], |row| row.get(0)).unwrap();
    assert_eq!(different, 0, "posts with other counts than votes");
}

async fn number(db: &Db, sql: &str) -> i64 {
    let row = db
        .read()
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Returns the score that most posts have, and the number of those posts.
async fn most_common_score(db: &Db) -> (i64, i64) {
    let most = "FROM post_votes WHERE community_key IS NOT NULL GROUP BY score ORDER BY count(*) DESC, score LIMIT 1";
    let score = number(db, &format!("SELECT score {most}")).await;
    (score, number(db, &format!("SELECT count(*) {most}")).await)
}

/// Returns a pseudo-random number, the same in every run.
fn scattered(turn: u64) -> u64 {
    let mut mixed = turn.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 27)
}

/// Returns the voter, the post and the direction of a vote. A quarter of the votes go to the ten posts that all
/// people voted on, so that first, moved and repeated votes occur.
fn ballot(turn: u64, posts: i64) -> (i64, i64, Direction) {
    let below = |salt: u64, bound: i64| {
        let bound = u64::try_from(bound).unwrap();
        i64::try_from(scattered(turn.wrapping_mul(4).wrapping_add(salt)) % bound).unwrap()
    };
    let tenth = posts / 10;
    let post = match below(0, 4) {
        0 => (below(1, 10) + 1) * tenth,
        _ => below(1, posts) + 1,
    };
    let direction = if below(3, 3) > 0 {
        Direction::Up
    } else {
        Direction::Down
    };
    (below(2, tenth) + 1, post, direction)
}

/// Casts many votes in each transaction: with all of a vote's statements and the domain's own rules, but without a
/// wait for the disk.
async fn together(bench: &Bench, db: &Db, posts: i64) -> String {
    let mut costs = Vec::new();
    let together = bench.size(TOGETHER, 10);
    for (transaction, round) in bench.rounds(TRANSACTIONS).enumerate() {
        let began = processor_ns();
        let cast = async move |tx: &contract::Tx| {
            for place in 0..together {
                let (person, post, direction) = ballot((transaction * together + place) as u64, posts);
                voting::cast(tx, post, person, direction, true, NEW_YEAR_US).await?;
            }
            Ok(())
        };
        db.write(cast).await.unwrap();
        round.record(&mut costs, (processor_ns() - began) / 1e3 / together as f64);
    }
    format!("{:.0}", median(costs))
}

async fn vote(schema: &DomainSchema, turn: u64, posts: i64) {
    let (person, post, direction) = ballot(turn, posts);
    let how = match direction {
        Direction::Up => "upvote",
        Direction::Down => "downvote",
    };
    let request = Request::new(format!("mutation {{ {how}(postId: {post}) {{ score }} }}"));
    let answer = schema.execute(request.data(member(person))).await;
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
}

/// Returns the milliseconds of a voter who waits for each answer.
async fn votes_alone(bench: &Bench, schema: &DomainSchema, turn: &AtomicU64, posts: i64) -> String {
    let mut times = Vec::new();
    for _ in 0..bench.size(VOTES_EACH, 2) {
        let began = Instant::now();
        vote(schema, turn.fetch_add(1, Relaxed), posts).await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    format!("{:.2}", median(times))
}

/// Returns the votes per second of many concurrent voters.
async fn votes_at_once(bench: &Bench, schema: &DomainSchema, turn: &Arc<AtomicU64>, posts: i64) -> String {
    let each = bench.size(VOTES_EACH, 1);
    let began = Instant::now();
    let mut voters = tokio::task::JoinSet::new();
    for _ in 0..VOTERS {
        let (schema, turn) = (schema.clone(), turn.clone());
        voters.spawn(async move {
            for _ in 0..each {
                vote(&schema, turn.fetch_add(1, Relaxed), posts).await;
            }
        });
    }
    voters.join_all().await;
    format!("{:.0}", (VOTERS * each) as f64 / began.elapsed().as_secs_f64())
}

/// Returns the processor microseconds of a page of 25 posts with their votes, through the domain's schema.
async fn page(bench: &Bench, schema: &DomainSchema, list: &str) -> String {
    let document = format!("{{ {list} {{ nodes {{ id upvotes downvotes score }} pageInfo {{ endCursor }} }} }}");
    let mut costs = Vec::new();
    let pages = bench.times(PAGES, 1);
    for round in bench.rounds(PAGE_ROUNDS) {
        let began = processor_ns();
        for _ in 0..pages {
            let answer = schema.execute(Request::new(&document).data(Viewer::Anonymous)).await;
            assert!(answer.errors.is_empty(), "{:?}", answer.errors);
        }
        round.record(&mut costs, (processor_ns() - began) / 1e3 / f64::from(pages));
    }
    format!("{:.0}", median(costs))
}

/// Returns the processor milliseconds of deleting a post that every person voted on.
async fn deletion(bench: &Bench, db: &Db, posts: i64) -> String {
    let mut costs = Vec::new();
    for tenth in 1..=bench.size(DELETIONS, 1) {
        let id = tenth * posts / 10;
        let began = processor_ns();
        let remove = async move |tx: &contract::Tx| Ok(post::remove(tx, id, NEW_YEAR_US).await?);
        assert!(db.write(remove).await.unwrap().is_some());
        costs.push((processor_ns() - began) / 1e6);
    }
    format!("{:.1}", median(costs))
}
