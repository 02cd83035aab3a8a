//! Who worked at which device.

use tally_access::OpContext;
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_app::convert::{period_message, sent};
use tally_engine::closing::facts::DeviceUse;
use tally_engine::policy::Policy;
use tally_kernel::Result;
use tally_kernel::time::Period;
use tally_rpc::{MAX_MESSAGE_BYTES, RpcChannel, streamed};

use super::Peers;

impl Peers {
    /// Who worked at which device when, where the rules know devices.
    pub(super) async fn devices(&self, ctx: &OpContext, period: Period, policy: &Policy) -> Result<Vec<DeviceUse>> {
        if policy.rules() < 3 {
            return Ok(Vec::new());
        }
        let (period, grace_minutes) = (Some(period_message(period)), Some(policy.grace_minutes));
        let asked = att::ListDeviceUsesRequest { period, grace_minutes, ..Default::default() };
        let ask = async || {
            let mut client: DeviceServiceClient<RpcChannel> =
                DeviceServiceClient::new(self.attendance.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES);
            client.list_device_uses(self.attendance.as_service(ctx, asked.clone())).await
        };
        let add = |uses: &mut Vec<DeviceUse>, part: att::ListDeviceUsesResponse| {
            for one in part.uses {
                uses.push(device_use_from(one)?);
            }
            Ok(())
        };
        streamed(Vec::new, ask, add).await
    }
}

fn device_use_from(one: att::DeviceUse) -> Result<DeviceUse> {
    Ok(DeviceUse {
        person: sent::value(&one.person_id)?,
        from_ms: sent::instant(one.start)?.as_millisecond(),
        to_ms: sent::instant(one.end)?.as_millisecond(),
        device: one.device,
    })
}
