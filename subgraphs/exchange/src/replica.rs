//! The replicas of the order log, and the mutations that propose a leader and confirm orders.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, EntityType, Error, Load, ReplicaStatus, Result, Services, Side, clamp_to_int, load};

use crate::order::find as find_order;
use crate::stock::{BAZAAR, checked_name, checked_quantity, find_by_name};

/// A replica of the order log.
pub struct OrderReplica(ReplicaStatus);

/// A replica of the order log.
#[Object]
impl OrderReplica {
    /// The replica's id; the numbers begin at 1.
    async fn id(&self) -> ID {
        EntityType::OrderReplica.id(self.0.id)
    }

    /// Whether the replica responds.
    async fn alive(&self) -> bool {
        self.0.alive
    }

    /// Whether the replica is the leader.
    async fn leader(&self) -> bool {
        self.0.leader
    }

    /// The replica's election term, counted up to 2,147,483,647; 0 if there are no elections.
    async fn term(&self) -> i64 {
        clamp_to_int(self.0.term)
    }

    /// The number of the last trade that it holds; -1 before the first.
    async fn applied(&self) -> i64 {
        clamp_to_int(self.0.applied)
    }
}

/// A batch loader of replicas by id. It asks the log once, however many replicas are requested.
pub struct ReplicaLoader(pub(crate) Services);

impl Load<i64> for ReplicaLoader {
    type Value = ReplicaStatus;
    type Error = Error;

    async fn load(&self, _: &[i64]) -> Result<HashMap<i64, ReplicaStatus>> {
        let replicas = self.0.order_log.replicas(&self.0.db).await?;
        Ok(replicas.into_iter().map(|replica| (replica.id, replica)).collect())
    }
}

/// Reads of the log's copies; public.
#[derive(Default)]
pub struct ReplicaQuery;

#[Object]
impl ReplicaQuery {
    /// The replicas of the order log, ordered by id.
    async fn order_replicas(&self, ctx: &Context<'_>) -> Result<Vec<OrderReplica>> {
        let replicas = ctx.services().order_log.replicas(ctx.db()).await?;
        Ok(replicas.into_iter().map(OrderReplica).collect())
    }

    /// Resolves a replica another subgraph refers to.
    #[graphql(entity)]
    async fn order_replica_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<OrderReplica>> {
        let Some(id) = EntityType::OrderReplica.number(&id) else {
            return Ok(None);
        };
        Ok(load::<ReplicaLoader, _>(ctx, id).await?.map(OrderReplica))
    }
}

/// Mutations of the order log; for operators.
#[derive(Default)]
pub struct ReplicaMutation;

#[Object]
impl ReplicaMutation {
    /// Asks a replica to become the leader, and returns the replica that leads afterwards. The replicas decide: it may
    /// be another one. For operators.
    async fn propose_leader(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The replica's id.")] replica_id: ID,
    ) -> Result<OrderReplica> {
        ctx.viewer().require_operator_or(BAZAAR)?;
        let replicas = ctx.services().order_log.replicas(ctx.db()).await?;
        let candidate = EntityType::OrderReplica.parse("replicaId", &replica_id)?;
        let candidate = candidate.filter(|candidate| replicas.iter().any(|known| known.id == *candidate));
        let candidate = candidate.ok_or_else(|| Error::invalid("replicaId", "must be the id of a replica"))?;
        let leader = ctx.services().order_log.propose_leader(ctx.db(), candidate).await?;
        let replicas = ctx.services().order_log.replicas(ctx.db()).await?;
        let leader = replicas.into_iter().find(|known| known.id == leader);
        leader
            .map(OrderReplica)
            .ok_or(Error::Unavailable("no replica leads now"))
    }

    /// Confirms that the order log has exactly this trade under this number; `CONFLICT` if it has another or none. It
    /// writes nothing. For operators.
    async fn acknowledge_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The trade's number.")] number: i64,
        #[graphql(desc = "The stock's name.")] stock: String,
        #[graphql(desc = "The direction of the trade.")] side: Side,
        #[graphql(desc = "The number of shares, 1 to 2,147,483,647.")] quantity: i32,
    ) -> Result<bool> {
        ctx.viewer().require_operator_or(BAZAAR)?;
        let (stock, quantity) = (checked_name(&stock)?, checked_quantity("quantity", quantity)?);
        let (order, stock) = (find_order(ctx, number).await?, find_by_name(ctx, stock).await?);
        let is_same = order.zip(stock).is_some_and(|(order, stock)| {
            let order = order.0;
            (order.stock_id, order.quantity, Side::from(order.side)) == (stock.0.id, quantity, side)
        });
        if is_same {
            Ok(true)
        } else {
            Err(Error::conflict("the log does not have this trade under this number"))
        }
    }
}
