//! One schema, twice: its objects are resolved by async-graphql, and by this crate.

/// Defines the schema in a module. Its macros call the crate with that name.
macro_rules! schema {
    ($name:ident, $executor:literal) => {
        pub mod $name {
            use async_graphql::{Context, Error, ID, Interface, MergedObject, Object, SimpleObject};

            #[derive(SimpleObject)]
            #[graphql(crate = $executor)]
            pub struct Author {
                pub name: String,
                pub born: Option<i32>,
            }

            pub struct Book(pub i32);

            #[Object(crate = $executor)]
            impl Book {
                async fn id(&self) -> ID {
                    self.0.into()
                }

                async fn title(&self, upper: Option<bool>) -> String {
                    let title = format!("title {}", self.0);
                    if upper == Some(true) {
                        title.to_uppercase()
                    } else {
                        title
                    }
                }

                async fn authors(&self, #[graphql(default = 2)] first: i32) -> Vec<Author> {
                    let author = |number| Author {
                        name: format!("author {number} of {}", self.0),
                        born: (number % 2 == 0).then_some(1900 + number),
                    };
                    (0..first).map(author).collect()
                }

                async fn fails(&self) -> Result<String, Error> {
                    Err(Error::new(format!("{} fails", self.0)))
                }

                async fn may_fail(&self) -> Option<Result<String, Error>> {
                    tokio::task::yield_now().await;
                    (self.0 % 2 == 0).then(|| Err(Error::new(format!("{} may fail", self.0))))
                }

                async fn next(&self) -> Book {
                    tokio::task::yield_now().await;
                    Book(self.0 + 1)
                }

                async fn none(&self) -> Option<Book> {
                    None
                }
            }

            #[derive(Interface)]
            #[graphql(crate = $executor, field(name = "name", ty = "&String"))]
            pub enum Titled {
                Author(Author),
                Place(Place),
            }

            #[derive(SimpleObject)]
            #[graphql(crate = $executor)]
            pub struct Place {
                pub name: String,
                pub height: i32,
            }

            #[derive(Default)]
            pub struct BookQuery;

            #[Object(crate = $executor)]
            impl BookQuery {
                async fn book(&self, id: i32) -> Option<Book> {
                    (id > 0).then_some(Book(id))
                }

                async fn books(&self, ids: Vec<i32>) -> Vec<Option<Book>> {
                    ids.into_iter().map(|id| (id > 0).then_some(Book(id))).collect()
                }

                #[graphql(entity)]
                async fn book_by_id(&self, id: ID) -> Result<Option<Book>, Error> {
                    let id: i32 = id.parse().map_err(|_| Error::new("no such id"))?;
                    tokio::task::yield_now().await;
                    Ok((id > 0).then_some(Book(id)))
                }
            }

            #[derive(Default)]
            pub struct TitledQuery;

            #[Object(crate = $executor)]
            impl TitledQuery {
                async fn named(&self) -> Vec<Titled> {
                    let name = "Ada".to_owned();
                    let peak = "Peak".to_owned();
                    vec![
                        Titled::Author(Author { name, born: None }),
                        Titled::Place(Place {
                            name: peak,
                            height: 8,
                        }),
                    ]
                }

                async fn number(&self, ctx: &Context<'_>) -> i32 {
                    *ctx.data_unchecked::<i32>()
                }
            }

            #[derive(MergedObject, Default)]
            #[graphql(crate = $executor)]
            pub struct Query(BookQuery, TitledQuery);

            #[derive(Default)]
            pub struct Mutation;

            #[Object(crate = $executor)]
            impl Mutation {
                async fn add(&self, ctx: &Context<'_>, to: i32) -> i32 {
                    let total = ctx.data_unchecked::<std::sync::atomic::AtomicI32>();
                    let before = total.load(std::sync::atomic::Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    total.store(before * 10 + to, std::sync::atomic::Ordering::SeqCst);
                    before * 10 + to
                }
            }
        }
    };
}

schema!(by_library, "async_graphql");
schema!(by_this_crate, "graphql");
