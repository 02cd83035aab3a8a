//! Sessions and API keys, second factors, one-time passwords, providers of single sign-on.

use sea_orm_migration::prelude::*;
use tally_store::class::Credential;
use tally_store::migration::{
    Keys, big, bytes, bytes_null, create_table, flag, index, instant, instant_null, region, sealed_column, text,
    text_null, uuid,
};

/// See the module's text.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut principals = Table::alter();
        principals.table(Alias::new("principals")).add_column(instant_null("one_time_until"));
        m.alter_table(principals).await?;
        let columns = [
            uuid("principal_id"),
            text("method"),
            text("client"),
            flag("second_factor"),
            text_null("permissions"),
            instant("created_at"),
            instant("used_at"),
            instant("expires_at"),
            instant_null("ended_at"),
            text_null("end_reason"),
            bytes_null("family"),
            bytes("secret"),
        ];
        create_table(m, "sessions", columns).await?;
        index(m, "sessions", ["principal_id", "ended_at"], Keys::Shared).await?;
        let columns = [bytes("secret"), instant_null("confirmed_at"), big("last_step"), text("recovery")];
        create_table(m, "second_factors", columns).await?;
        sealed_column::<Credential>(m, "second_factors", "secret").await?;
        let columns = [
            region(),
            text("name"),
            text("issuer"),
            text("client_id"),
            bytes("client_secret"),
            text("claim"),
            text("redirect_uri"),
        ];
        create_table(m, "sso_providers", columns).await?;
        sealed_column::<Credential>(m, "sso_providers", "client_secret").await?;
        create_table(m, "sso_states", [instant("expires_at")]).await
    }
}
